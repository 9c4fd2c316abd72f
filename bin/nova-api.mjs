#!/usr/bin/env node
/** `nova-api`, as operators know it: `kilonova nova-api`. */
process.argv.splice(2, 0, 'nova-api')
await import('./kilonova.mjs')
