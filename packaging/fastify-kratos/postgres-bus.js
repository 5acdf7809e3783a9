'use strict'

// For resolvers that know no "exports": node10 typings, old bundlers.
module.exports = require('./dist/src/bus/postgres-bus.js')
