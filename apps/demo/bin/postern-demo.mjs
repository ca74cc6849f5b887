#!/usr/bin/env node
// Plain JavaScript on purpose: an older Node cannot read the TypeScript that follows, and must be told so.
if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(
    `postern-demo needs Node 24 or newer; this is ${process.versions.node}. ` +
      'Run it through npm (npm run demo), which uses the Node that npm ci installed.',
  )
  process.exit(1)
}
await import('../src/main.ts')
