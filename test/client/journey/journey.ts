import { createClient, type ClientOptions, type Outcome } from '../../../src/client/client.js'

export interface Journey {
  options: ClientOptions
  email: string
  password: string
  /** What a person does outside of the app. */
  mailed: (email: string) => Promise<string>
  authenticator: (secret: string) => string | Promise<string>
}

type Told = { kind: string } | { state: string }

const flowIdOf = (outcome: Outcome): string | undefined => 'flowId' in outcome ? outcome.flowId : undefined

/** The life of an account, in any runtime; what came of each step. */
export async function journey ({ options, email, password, mailed, authenticator }: Journey): Promise<string[]> {
  const client = createClient<{ email: string }>(options)
  const seen: string[] = []
  async function note<Got extends Told> (step: string, got: Promise<Got>): Promise<Got> {
    const result = await got
    seen.push(`${step}: ${'kind' in result ? result.kind : result.state}`)
    return result
  }
  await note('at first', client.session())
  await note('weak', client.signUp({ email }, 'short'))
  const signedUp = await note('sign up', client.signUp({ email }, password))
  const flowId = flowIdOf(signedUp)
  await note('confirm', client.confirmCode('verification', await mailed(email), { flowId }))
  await note('now', client.session())
  const settings = await note('settings', client.form('settings'))
  if (settings.kind !== 'form') return seen
  const { secret } = settings.form.offers.totp
  await note('app', client.enableTotp(await authenticator(secret), { flowId: settings.form.flowId }))
  await note('document', client.request('POST', '/api/documents', { title: 'One', content: '' }))
  seen.push(`log out: ${String(await client.logOut())}`)
  const half = await note('log in', client.logIn(email, password))
  await note('between', client.session())
  await note('second factor', client.secondFactor({ totp: await authenticator(secret) }, { flowId: flowIdOf(half) }))
  await note('password', client.changePassword(`${password}-2`))
  seen.push(`devices: ${String((await client.devices())?.length)}`)
  await note('delete', client.deleteAccount())
  await note('at last', client.session())
  return seen
}
