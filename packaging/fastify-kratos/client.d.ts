export * from './dist/src/client/client.js'
