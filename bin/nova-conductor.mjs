#!/usr/bin/env node
/** `nova-conductor`, as operators know it: `kilonova nova-conductor`. */
process.argv.splice(2, 0, 'nova-conductor')
await import('./kilonova.mjs')
