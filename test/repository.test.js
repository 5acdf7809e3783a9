import { runFolder } from '../.tap/transpiled/test/support/folder.js'

runFolder('repository')
