#!/usr/bin/env node
/** `placement-api`, as operators know it: `kilonova placement-api`. */
process.argv.splice(2, 0, 'placement-api')
await import('./kilonova.mjs')
