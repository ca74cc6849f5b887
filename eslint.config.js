/**
 * Lint of the whole workspace. The base is typescript-eslint's strictest type-aware set; every departure from it has
 * its reason beside it. tools/planted proves that the rules below still find what they are here for.
 * @module
 */
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const TESTS = ['**/*.test.ts', 'apps/*/tests/**/*.ts', 'tools/planted/**/*.ts', 'packages/*/tests/**/*.ts']
const PURE = [
  'packages/{eas-query,wbxml,eas-policy,oauth-map,contract,apple-profiles,mail-settings,posture}/src/**/*.ts',
]
/** Lists copied from a document line by line: their length is the document's. */
const TABLES = ['**/*-table.ts', '**/*-tables.ts', '**/*-rows.ts', '**/tables/*.ts', '**/pages.ts', '**/pages/*.ts']

const VERIFY =
  'Peers are always verified: there is no option to turn certificate checks off (docs/threat-model.md, A22).'
const UNVERIFIED_TLS = [
  { selector: 'Property[key.name="rejectUnauthorized"]:not([value.value=true])', message: VERIFY },
  { selector: 'Property[key.value="rejectUnauthorized"]:not([value.value=true])', message: VERIFY },
  { selector: 'AssignmentExpression[left.property.name="rejectUnauthorized"]', message: VERIFY },
  { selector: 'Property[key.name="checkServerIdentity"]', message: VERIFY },
  { selector: 'Literal[value="NODE_TLS_REJECT_UNAUTHORIZED"]:not(BinaryExpression *)', message: VERIFY },
]
const PASSED_IN = 'A pure package takes time, randomness and keys as arguments.'
const IMPURE = [
  { selector: 'MemberExpression[object.name="Date"][property.name="now"]', message: PASSED_IN },
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: PASSED_IN },
  { selector: 'MemberExpression[object.name="Math"][property.name="random"]', message: PASSED_IN },
]
const PROCESS_GLOBALS = [
  ...['Buffer', 'process', 'console', 'fetch', 'crypto', 'performance', 'require', 'global'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
].map((name) => ({ name, message: 'A pure package runs anywhere: bytes in, values out.' }))

export default defineConfig(
  globalIgnores(['**/node_modules/', '**/.tsbuild/', 'test-results/', 'coverage/', '.demo/', 'data/']),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // node:test collects what it is given and reports it itself; awaiting each test would run them one by one.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          checkThenables: true,
          // A reply is a thenable so that handlers may await it; setting its headers is no work to wait for.
          allowForKnownSafePromises: [{ from: 'package', package: 'fastify', name: 'FastifyReply' }],
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite', 'before', 'after'] },
          ],
        },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Numbers print the same everywhere; it is objects and null in a message that are mistakes.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => socket.destroy()` and `return refuse()` are clear enough where nobody uses the value.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // Node's and the decoders' typings hand class instances over as structural types: sockets alone trip it everywhere.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // A port may be asynchronous where this implementation of it is not, and a throw must still be a rejection.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // `_` marks a parameter that a signature asks for.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true },
      ],
      // Spreading a string gives code points, which is what a protocol table of ASCII characters wants.
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/strict-void-return': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-empty': 'error', // a comment inside says why; `catch {}` alone does not pass
      'no-eval': 'error',
      'no-new-func': 'error',
      'no-param-reassign': 'error',
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-unreachable-loop': 'error',
      'no-unsafe-finally': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
      'no-control-regex': 'off', // header values are checked for control characters by exactly such expressions
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 60 }],
      'no-restricted-syntax': ['error', ...UNVERIFIED_TLS],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only main.ts reads the environment; pass the value.' },
      ],
    },
  },
  { files: ['packages/*/src/**/*.ts'], ignores: ['packages/harness/**'], rules: { 'no-console': 'error' } },
  {
    files: PURE,
    ignores: TESTS,
    rules: {
      'no-restricted-globals': ['error', ...PROCESS_GLOBALS],
      'no-restricted-syntax': ['error', ...UNVERIFIED_TLS, ...IMPURE],
    },
  },
  {
    // A phone without a certificate must finish its handshake (protocol: optional paths); the listener checks
    // `authorized` itself, first. A Sentry that enrols has no certificate yet either: feed-tls.ts is that listener's
    // options and nothing else. The raw client of the tests verifies the chain but chooses wrong names on purpose.
    files: ['apps/sentry/src/listener/**/*.ts', 'apps/core/src/feed/feed-tls.ts', 'packages/harness/src/raw-client.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['apps/*/src/main.ts', 'packages/harness/src/**/*.ts', 'tools/**/*.ts', 'bench/**/*.ts', ...TESTS],
    rules: { 'no-restricted-properties': 'off' },
  },
  { files: TABLES, rules: { 'max-lines': 'off' } },
  { files: TESTS, rules: { 'max-lines': 'off', 'max-lines-per-function': 'off' } },
  {
    // Plain JavaScript: configuration files and start scripts, outside of every TypeScript project.
    files: ['**/*.{js,mjs,cjs}'],
    rules: { eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error', 'no-unused-vars': 'error' },
  },
)
