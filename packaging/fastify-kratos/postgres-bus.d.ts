export * from './dist/src/bus/postgres-bus.js'
