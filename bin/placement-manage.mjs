#!/usr/bin/env node
/** `placement-manage`, as operators know it: `kilonova placement-manage`. */
process.argv.splice(2, 0, 'placement-manage')
await import('./kilonova.mjs')
