#!/usr/bin/env node
/** `nova-policy`, as operators know it: `kilonova nova-policy`. */
process.argv.splice(2, 0, 'nova-policy')
await import('./kilonova.mjs')
