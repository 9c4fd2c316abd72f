#!/usr/bin/env node
/** `nova-novncproxy`, as operators know it: `kilonova nova-novncproxy`. */
process.argv.splice(2, 0, 'nova-novncproxy')
await import('./kilonova.mjs')
