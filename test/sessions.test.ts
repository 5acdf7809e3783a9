import { runFolder } from './support/folder.js'

runFolder('sessions')
