import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import ts from 'typescript'
import { parseAllDocuments } from 'yaml'
import { START_FLAGS } from '../../bench/start-flags.js'
import { ConfigSchema } from '../../src/config-schema.js'
import { temporaryFolder } from '../support/app.js'
import { ROOT } from '../support/process.js'
import { createProgram } from '../support/typescript.js'

const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

type Manifest = Record<string, any>
const manifests = (): Manifest[] => parseAllDocuments(text('examples/deploy/kubernetes.yaml')).map((document) => document.toJS())

/** Where kubernetes-models keeps a kind. */
const PLACES: Record<string, string> = {
  ConfigMap: 'v1',
  Service: 'v1',
  Deployment: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
  PodDisruptionBudget: 'policy/v1',
}

/** What the types of Kubernetes say of a manifest: unknown members, which its validators let pass. */
async function typeProblems (t: Test, all: Manifest[]): Promise<string[]> {
  const folder = await temporaryFolder(t)
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const file = join(folder, 'manifests.ts')
  writeFileSync(file, all.map((manifest, index) =>
    `import type { I${manifest['kind']} as I${index} } from 'kubernetes-models/${PLACES[manifest['kind']]}'\nexport const m${index}: I${index} = ${JSON.stringify(manifest)}\n`,
  ).join(''))
  const options = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  }
  const program = createProgram([file], options)
  return program.getSemanticDiagnostics(program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}

const podsOf = ({ spec }: Manifest): Manifest[] =>
  [spec?.template?.spec, spec?.jobTemplate?.spec?.template?.spec].filter((pod) => pod !== undefined)

export default async function (t: Test): Promise<void> {
  t.test('examples/deploy/kubernetes.yaml', async (t) => {
    await t.test("is what Kubernetes' schemas and types want", async (t) => {
      const all = manifests()
      t.same(all.map(({ kind }) => kind), ['ConfigMap', 'Job', 'Deployment', 'Service', 'PodDisruptionBudget', 'CronJob'])
      for (const manifest of all) {
        const models = await import(`kubernetes-models/${PLACES[manifest['kind']]}`)
        t.doesNotThrow(() => new models[manifest['kind']](manifest).validate(), manifest['kind'])
      }
      t.same(await typeProblems(t, all), [])
    })

    await t.test('and a wrong one would be found', async (t) => {
      const [deployment] = manifests().filter(({ kind }) => kind === 'Deployment')
      const container = deployment?.['spec'].template.spec.containers[0]
      container.ports[0].containerPort = 'http'
      const { Deployment } = await import('kubernetes-models/apps/v1')
      t.throws(() => new Deployment(deployment as never).validate(), /containerPort must be integer/)
      container.ports[0].containerPort = 3000
      container.readynessProbe = {}
      t.match(await typeProblems(t, [deployment ?? {}]), [/readynessProbe/])
    })

    await t.test('names variables that the service reads, and keeps each container small and without rights', async (t) => {
      const known = new Set(Object.keys(ConfigSchema.properties))
      const all = manifests()
      const config = all.find(({ kind }) => kind === 'ConfigMap')?.['data']
      const containers = all.flatMap(podsOf).flatMap(({ containers }) => containers as Manifest[])
      t.equal(containers.length, 3)
      const names = [...Object.keys(config), ...containers.flatMap(({ env }) => env.map(({ name }: Manifest) => name))]
      t.same(names.filter((name) => !known.has(name)), [])
      for (const { name, resources, securityContext } of containers) {
        t.match(securityContext, {
          runAsNonRoot: true,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        }, name)
        t.match(resources.limits.memory, /^\d+Mi$/, name)
      }
      const grace = all.flatMap(podsOf).find(({ terminationGracePeriodSeconds: seconds }) => seconds !== undefined)
      t.ok(grace?.['terminationGracePeriodSeconds'] * 1000 > Number(config.SHUTDOWN_DELAY_MS) + 10_000, 'longer than a shutdown takes')
    })
  })

  t.test('the image gives Node the flags of npm start', async (t) => {
    const [, entry = ''] = /^ENTRYPOINT (.*)$/m.exec(text('Dockerfile')) ?? []
    t.ok(START_FLAGS.length > 0)
    t.same((JSON.parse(entry) as string[]).filter((word) => word.startsWith('--')), START_FLAGS)
  })

  t.test('docker-compose.yml gives every container a limit of memory and takes its rights away', async (t) => {
    const [compose] = parseAllDocuments(text('docker-compose.yml'), { merge: true }).map((document) => document.toJS())
    for (const [name, service] of Object.entries(compose.services as Record<string, Manifest>)) {
      t.match(service['mem_limit'], /^\d+m$/, name)
      t.match(service['security_opt'], ['no-new-privileges:true'], name)
      t.match(service['cap_drop'], ['ALL'], name)
    }
  })

  t.test('the proxies keep keys and figures to themselves, and do not believe what clients say of their address', async (t) => {
    for (const file of ['examples/deploy/nginx.conf', 'examples/deploy/haproxy.cfg']) {
      t.match(text(file), /\^\/\(\?:internal\|metrics\)\(\?:\/\|\$\)/, file)
      t.match(text(file), /X-Forwarded-For (?:\$remote_addr;|%\[src\])/, file)
      t.notMatch(text(file), /\$proxy_add_x_forwarded_for|option forwardfor/, file)
    }
  })
}
