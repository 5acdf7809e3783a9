import { start } from './router.js'

await start()
