import type { Check } from './model.ts'
import { readModule } from './module-facts.ts'
import { isTest, sourceFiles } from './workspaces.ts'

/** Every export has a comment that gives what its type cannot: units, ranges, defaults, errors, source. */
export const docComments: Check = {
  name: 'doc comments',
  async run(root) {
    const files = (await sourceFiles(root)).filter((file) => /\/src\//.test(file) && !isTest(file))
    const modules = await Promise.all(files.map((file) => readModule(root, file)))
    return modules.flatMap(({ file, exports }) =>
      exports
        .filter(({ documented }) => !documented)
        .map(({ name, line }) => ({ where: `${file}:${line}`, message: `${name} is exported without a doc comment` })),
    )
  },
}
