import type { Test } from 'tap'
import { buildPage } from '../../examples/spa/server.js'
import type { EmbeddedKratos } from '../../kratos/embedded/index.js'
import { systemClock } from '../../kratos/embedded/clock.js'
import { construct } from '../support/app.js'
import { startKratos } from '../support/kratos.js'
import { freePorts } from '../support/process.js'

export interface DemoInProcess {
  page: number
  service: number
  /** Takes faults. */
  kratos: EmbeddedKratos
  /** Kratos' clock goes ahead by so much: logins are older. */
  pass: (ms: number) => void
}

/** Limits as they are by default. */
const LIMITS = {
  LOGIN_LIMIT_PER_ADDRESS: '30',
  LOGIN_LIMIT_PER_IDENTIFIER: '5',
  LOGIN_LIMIT_BURST: '10',
}

/** The demo in front of a Kratos that can be told to be ill. */
export async function startDemoInProcess (t: Test): Promise<DemoInProcess> {
  const [service = 0, page = 0] = await freePorts(2)
  let ahead = 0
  const clock = { ...systemClock, now: () => Date.now() + ahead }
  // Where a code logs in too, Kratos does not say whom it asks to log in again.
  const selfservice = { methods: { code: { passwordless_enabled: true } } }
  const kratos = await startKratos(t, { clock, overrides: { selfservice, hashers: { bcrypt: { cost: 4 } } } })
  const { app } = await construct(t, {
    ...LIMITS,
    PUBLIC_URL: `http://localhost:${service}`,
    CORS_ORIGINS: `http://localhost:${page}`,
    KRATOS_PUBLIC_URL: kratos.publicUrl,
    KRATOS_ADMIN_URL: kratos.adminUrl,
  })
  const site = await buildPage(service)
  t.teardown(() => site.close())
  await site.listen({ host: 'localhost', port: page })
  await app.listen({ host: 'localhost', port: service })
  const pass = (ms: number): void => {
    ahead += ms
  }
  return { page, service, kratos, pass }
}
