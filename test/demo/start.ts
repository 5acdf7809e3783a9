import type { Test } from 'tap'
import { freePorts, type Program, run, transpiled } from '../support/process.js'

export interface Demo {
  dev: Program
  page: number
  service: number
  /** The newest code that was mailed to an address. */
  codeFor: (email: string, template: string) => Promise<string>
}

/** `npm run dev` with nothing kept, on ports of its own. */
export async function startDemo (t: Test): Promise<Demo> {
  const ports = await freePorts(4)
  const names = ['--port', '--page-port', '--kratos-port', '--kratos-admin-port']
  const dev = run(t, [transpiled('src/dev.ts'), '--memory', ...names.flatMap((name, at) => [name, String(ports[at])])])
  await dev.printed(/Ctrl-C stops everything/)
  const codeFor = async (email: string, template: string): Promise<string> => {
    const mail = `message ${template} to ${email.replaceAll('.', '\\.')}: .*?\\b(\\d{6})\\b`
    await dev.printed(new RegExp(mail))
    return [...dev.output().matchAll(new RegExp(mail, 'g'))].at(-1)?.[1] ?? ''
  }
  const [service = 0, page = 0] = ports
  return { dev, service, page, codeFor }
}
