#!/usr/bin/env node
/** `placement-status`, as operators know it: `kilonova placement-status`. */
process.argv.splice(2, 0, 'placement-status')
await import('./kilonova.mjs')
