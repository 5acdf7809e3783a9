import { runFolder } from './support/folder.js'

runFolder('kratos-client')
