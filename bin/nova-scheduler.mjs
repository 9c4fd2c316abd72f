#!/usr/bin/env node
/** `nova-scheduler`, as operators know it: `kilonova nova-scheduler`. */
process.argv.splice(2, 0, 'nova-scheduler')
await import('./kilonova.mjs')
