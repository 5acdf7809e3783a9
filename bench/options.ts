import { parseArgs } from 'node:util'

/** Why the benchmark cannot run, for people. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export interface Options {
  rounds: number
  seconds: number
  /** Names of scenarios; empty: all that can run. */
  only: string[]
  /** Undefined: wrk when it is there, else autocannon. */
  load: 'autocannon' | 'wrk' | undefined
  /** Public URL of a real Kratos. */
  kratos: string | undefined
  /** Session tokens of that Kratos; without any, sessions are made there. */
  tokens: string[]
  /** Processor time on one core instead of request rates. */
  oneCore: boolean
  /** `dist` of another build, measured beside this one. */
  base: string | undefined
  help: boolean
}

export const HELP = `Usage: npm run bench -- [options]

  --rounds <n>       rounds over all targets of a scenario, 1 to 50, better an even number (default 6; 20 with --one-core)
  --seconds <n>      seconds of load per target and round, 1 to 60 (default 2)
  --only <names>     scenarios, comma-separated (default: all)
  --load <generator> autocannon or wrk (default: wrk when it is on the PATH, else autocannon)
  --kratos <url>     public URL of a real Kratos, also KRATOS_PUBLIC_URL: adds the scenario real-kratos
  --token <token>    session token of that Kratos, may be repeated; without one 256 identities are registered there
  --one-core         processor time a request: server, load and stand-in on one core, interleaved bursts
  --base <folder>    with --one-core: dist of another build, measured beside this one
  --help             this text
`

function wholeNumber (name: string, text: string, max: number): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) < 1 || Number(text) > max) { throw new TypeError(`--${name} wants a whole number from 1 to ${max}`) }
  return Number(text)
}

function generator (text: string | undefined): Options['load'] {
  if (text === undefined || text === 'autocannon' || text === 'wrk') return text
  throw new TypeError('--load wants autocannon or wrk')
}

/** @throws TypeError for an option that makes no sense */
export function parseOptions (args: string[], env: Record<string, string | undefined>): Options {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string', default: '' },
      load: { type: 'string' },
      kratos: { type: 'string' },
      token: { type: 'string', multiple: true, default: [] },
      'one-core': { type: 'boolean', default: false },
      base: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const kratos = values.kratos ?? env['KRATOS_PUBLIC_URL']
  if (kratos !== undefined && !URL.canParse(kratos)) throw new TypeError('--kratos wants a URL')
  if (values.base !== undefined && !values['one-core']) throw new TypeError('--base wants --one-core')
  return {
    rounds: wholeNumber('rounds', values.rounds ?? (values['one-core'] ? '20' : '6'), 50),
    seconds: wholeNumber('seconds', values.seconds, 60),
    only: values.only.split(',').filter((name) => name !== ''),
    load: generator(values.load),
    kratos: kratos?.replace(/(?<!\/)\/+$/, ''),
    tokens: values.token,
    oneCore: values['one-core'],
    base: values.base,
    help: values.help,
  }
}
