import { auth } from './auth.js'
import { tellOutage } from './notice.js'
import { go } from './router.js'
import { say } from './words.js'

export async function logOut (): Promise<void> {
  if (await auth.logOut()) await go('/login', say('loggedOut'))
  else tellOutage({}, logOut)
}
