import { runFolder } from './support/folder.js'

runFolder('demo')
