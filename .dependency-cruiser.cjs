/**
 * Who may import whom: the import table of CONTRIBUTING.md as rules. Change both or neither.
 * tools/checks/imports.ts runs it and also proves that every source file was read; types count as imports.
 */
const TEST = '\\.test\\.ts$|^(apps|packages)/[^/]+/tests/'
const PROTOCOL = '^packages/(eas-query|wbxml|eas-policy|oauth-map)/'
const PURE = '^packages/(eas-query|wbxml|eas-policy|oauth-map|contract|apple-profiles|mail-settings|posture)/'

const forbid = (name, comment, from, to) => ({ name, severity: 'error', comment, from, to })
/** Product code of a room: everything in its src but the tests. */
const code = (path) => ({ path, pathNot: TEST })

module.exports = {
  forbidden: [
    forbid('no-cycles', 'Arrows point one way.', {}, { circular: true }),
    forbid('resolvable', 'An import that cannot be resolved is checked by nobody.', {}, { couldNotResolve: true }),
    forbid(
      'declared',
      'What is imported stands in a package.json.',
      {},
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'undetermined'] },
    ),
    forbid('no-deprecated', 'No deprecated packages or Node modules.', {}, { dependencyTypes: ['deprecated'] }),
    forbid(
      'by-entry-point',
      'Another workspace is entered through its exports map, never by file path.',
      { path: '^(packages|apps)/([^/]+)/' },
      {
        path: '^(packages|apps)/',
        pathNot: '^$1/$2/',
        dependencyTypes: ['local'],
        dependencyTypesNot: ['aliased-workspace'],
      },
    ),
    forbid(
      'pure-packages',
      'Codecs, rules and the contract do no I/O: time, randomness and keys are passed in.',
      code(PURE),
      { dependencyTypes: ['core'] },
    ),
    forbid('protocol-packages', 'Protocol packages need nothing but each other.', code(PROTOCOL), {
      path: '^packages/|^apps/|node_modules/',
      pathNot: PROTOCOL,
    }),
    forbid(
      'protocol-order',
      'Only eas-policy stands on other protocol packages.',
      { path: '^packages/(eas-query|wbxml|oauth-map)/', pathNot: TEST },
      { path: '^packages/', pathNot: '^packages/$1/' },
    ),
    forbid(
      'contract',
      'The contract knows the schema library and tables of protocol packages.',
      code('^packages/contract/'),
      { path: '^packages/|^apps/|node_modules/', pathNot: `^packages/contract/|${PROTOCOL}|node_modules/typebox/` },
    ),
    forbid('runtime', 'The runtime is Node plumbing and knows nothing of ours.', code('^packages/runtime/'), {
      path: '^packages/|^apps/|node_modules/',
      pathNot: '^packages/runtime/',
    }),
    forbid('apple-profiles', 'Payload tables and a plist library, nothing else.', code('^packages/apple-profiles/'), {
      path: '^packages/|^apps/|node_modules/',
      pathNot: '^packages/apple-profiles/|node_modules/plist/',
    }),
    forbid(
      'mail-settings',
      'What a configuration becomes for a device: contract in, payloads out.',
      code('^packages/mail-settings/'),
      { path: '^packages/|^apps/|node_modules/', pathNot: '^packages/(mail-settings|contract|apple-profiles)/' },
    ),
    forbid('posture', 'Facts in, decision out; it stands alone.', code('^packages/posture/'), {
      path: '^packages/|^apps/|node_modules/',
      pathNot: '^packages/posture/',
    }),
    forbid('pki', 'X.509 on chosen libraries: no files, no sockets, nothing of ours.', code('^packages/pki/'), {
      path: '^packages/|^apps/|^(node:)?(fs|net|tls|http|https|child_process)',
      pathNot: '^packages/pki/',
    }),
    forbid('postgres-server', 'Runs PostgreSQL and knows nothing of ours.', code('^packages/postgres-server/'), {
      path: '^packages/|^apps/',
      pathNot: '^packages/postgres-server/',
    }),
    forbid('core', 'Core stands on the contract and on libraries: no stand-ins, no other app.', code('^apps/core/'), {
      path: '^packages/|^apps/',
      pathNot: `^apps/core/|^packages/(contract|runtime|pki|apple-profiles|mail-settings|posture|postgres-server)/|${PROTOCOL}`,
    }),
    forbid('cli', 'The CLI knows Core by the contract only.', code('^apps/cli/'), {
      path: '^packages/|^apps/',
      pathNot: `^apps/cli/|^packages/(contract|runtime)/|${PROTOCOL}`,
    }),
    forbid('start', 'It starts programs and knows none of them from inside.', code('^apps/start/'), {
      path: '^packages/|^apps/',
      pathNot: '^apps/start/|^packages/runtime/',
    }),
    forbid(
      'sentry',
      'Sentry stands on protocol, contract and runtime: no stand-ins, no other app.',
      code('^apps/sentry/'),
      { path: '^packages/|^apps/', pathNot: `^apps/sentry/|^packages/(contract|runtime)/|${PROTOCOL}` },
    ),
    forbid(
      'sentry-libraries',
      'No framework, no database, no HTTP client: each library has a row in docs/decisions/0003.',
      code('^apps/sentry/'),
      {
        path: 'node_modules/',
        pathNot: 'node_modules/(typebox|prom-client|@peculiar/asn1-schema|@peculiar/asn1-x509|@types/node)/',
      },
    ),
    forbid('demo', 'The demo drives the harness; what it starts it starts as a process.', code('^apps/demo/'), {
      path: '^packages/|^apps/',
      pathNot: '^apps/demo/|^packages/(harness|contract)/',
    }),
    forbid(
      'phones-on-their-own',
      'A phone builds its bytes itself: a bug shared with Sentry must not hide.',
      { path: '^packages/harness/src/(phones|wire)/' },
      { path: PURE },
    ),
    forbid('no-apps-in-packages', 'A library never imports a process.', { path: '^packages/' }, { path: '^apps/' }),
    forbid('no-tests-in-code', 'Nothing imports a test.', { pathNot: TEST }, { path: TEST }),
    forbid(
      'no-orphans',
      'A file that imports nothing and is imported by nothing is dead.',
      { orphan: true, pathNot: `${TEST}|(^|/)main\\.ts$|\\.(cjs|mjs|js)$` },
      {},
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)\\.tsbuild/' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
    },
    builtInModules: { add: ['node:test', 'node:sqlite', 'node:sea'] },
  },
}
