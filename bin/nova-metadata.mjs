#!/usr/bin/env node
/** `nova-metadata`, as operators know it: `kilonova nova-metadata`. */
process.argv.splice(2, 0, 'nova-metadata')
await import('./kilonova.mjs')
