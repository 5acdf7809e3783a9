import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { ROOT } from './process.js'
import { createProgram } from './typescript.js'

const run = promisify(execFile)

export interface Manifest {
  name: string
  bin: Record<string, string>
  exports: Record<string, unknown>
  dependencies: Record<string, string>
  peerDependencies?: Record<string, string>
}

export interface Packed {
  manifest: Manifest
  /** The tarball that would be published. */
  file: string
  /** The files in it. */
  paths: string[]
}

export interface Packages {
  plugin: Packed
  embedded: Packed
}

/** Starts a command and gives its standard output; npm is a script on Windows, which needs a shell. */
async function npm (args: string[], cwd: string): Promise<string> {
  return (await run('npm', args, { cwd, shell: process.platform === 'win32' })).stdout
}

/**
 * Builds, writes and packs what is published, so that no stale build is in the way.
 * @param folder an empty one
 */
export async function pack (folder: string): Promise<Packages> {
  const [dist, build] = [join(folder, 'dist'), join(folder, 'build')]
  // The type check is done elsewhere; here the declarations only have to be written.
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  await run(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--noCheck', '--outDir', dist])
  await run(process.execPath, [join(ROOT, 'packaging/package.mjs'), dist, build])
  const packOne = async (name: string): Promise<Packed> => {
    const cwd = join(build, name)
    const output = await npm(['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', folder], cwd)
    const [report] = JSON.parse(output) as Array<{ filename: string, files: Array<{ path: string }> }>
    if (report === undefined) throw new Error('npm pack packed nothing')
    const manifest = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8')) as Manifest
    return { manifest, file: join(folder, report.filename), paths: report.files.map(({ path }) => path) }
  }
  const [plugin, embedded] = await Promise.all([packOne('fastify-kratos'), packOne('embedded-kratos')])
  return { plugin, embedded }
}

/** Makes a package of the repository's node_modules one of the project's. */
export async function link (project: string, name: string): Promise<void> {
  const place = join(project, 'node_modules', name)
  await mkdir(dirname(place), { recursive: true })
  await symlink(join(ROOT, 'node_modules', name), place, 'junction').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

/**
 * A project with packages installed as npm does it, but without a registry: their tarballs, their dependencies and
 * commands, Fastify and Node's types. What a package does not declare cannot be imported there.
 */
export async function install (project: string, packages: Packed[]): Promise<void> {
  const commands = join(project, 'node_modules/.bin')
  await mkdir(commands, { recursive: true })
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  for (const { manifest, file } of packages) {
    const place = join(project, 'node_modules', manifest.name)
    await mkdir(place, { recursive: true })
    await run('tar', ['-xzf', file, '--strip-components=1', '-C', place])
    for (const dependency of Object.keys(manifest.dependencies)) await link(project, dependency)
    for (const [name, path] of Object.entries(manifest.bin)) {
      await chmod(join(place, path), 0o755)
      await symlink(join(place, path), join(commands, name))
    }
  }
  for (const name of ['fastify', '@types/node']) await link(project, name)
}

/**
 * Compiles a project and says what is wrong with its own files and with the declarations of the packages in it.
 * Those of third parties are not looked at: that takes most of the time and is nothing we could fix.
 */
export function compile (project: string, config = 'tsconfig.json'): string[] {
  const folder = realpathSync(project)
  const { options, fileNames } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(folder, config), ts.sys.readFile).config,
    ts.sys,
    folder,
  )
  const program = createProgram(fileNames, options)
  const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(folder))
  const found = [
    ...program.getOptionsDiagnostics(),
    ...own.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ]
  // One by one, because writing all at once checks everything.
  const sources = options.noEmit === true ? [] : own.filter(({ isDeclarationFile }) => !isDeclarationFile)
  for (const file of sources) program.emit(file)
  return found.map(({ file, messageText }) =>
    `${file?.fileName.slice(folder.length) ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
  )
}

/** Folders of everything that npm installs with these packages, found as Node would find it from the project. */
function installedWith (project: string, names: string[]): Set<string> {
  const folders = new Set<string>()
  const visit = (name: string, from: string): void => {
    const place = join(from, 'node_modules', name)
    if (!existsSync(place)) return from === dirname(from) ? undefined : visit(name, dirname(from))
    const folder = realpathSync(place)
    if (folders.has(folder)) return
    folders.add(folder)
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) visit(dependency, folder)
  }
  for (const name of names) visit(name, project)
  return folders
}

const BLOCK_BYTES = 4096
/** Disk space in whole blocks: most packages are many small files. */
const spaceOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.slice(folder.length).includes('node_modules'))
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size)
    .reduce((sum, size) => sum + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES, 0)

/** What a package brings into an app that has Fastify: the packages, itself included, and their disk space. */
export function footprint (project: string, name: string): { packages: string[], megabytes: number } {
  const fastify = installedWith(project, ['fastify'])
  const added = [...installedWith(project, [name])].filter((folder) => !fastify.has(folder))
  return {
    packages: added.map((folder) => folder.slice(folder.lastIndexOf('node_modules') + 13)).sort(),
    megabytes: added.reduce((sum, folder) => sum + spaceOf(folder), 0) / 1e6,
  }
}
