#!/usr/bin/env node
/** `nova-compute`, as operators know it: `kilonova nova-compute`. */
process.argv.splice(2, 0, 'nova-compute')
await import('./kilonova.mjs')
