#!/usr/bin/env node
/** `nova-manage`, as operators know it: `kilonova nova-manage`. */
process.argv.splice(2, 0, 'nova-manage')
await import('./kilonova.mjs')
