import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Test } from 'tap'
import ts from 'typescript'
import { ROOT } from '../support/process.js'

/** Folders whose files must not import each other in circles. */
const FOLDERS = ['src', 'plugins', 'routes', 'kratos']

type Graph = Map<string, string[]>

/** What a file imports by a relative path: static and dynamic imports, re-exports and imports of types alone. */
function importsOf (file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, file), 'utf8'), true, true)
  const paths = importedFiles.map(({ fileName }) => fileName).filter((path) => path.startsWith('.'))
  return paths.map((path) => relative(ROOT, join(ROOT, dirname(file), path)).replace(/\.js$/, '.ts'))
}

const filesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts')).map((name) => join(folder, name))

/** Groups of files that reach each other: Tarjan's strongly connected components of more than one file. */
function circlesIn (graph: Graph): string[][] {
  const circles: string[][] = []
  const order = new Map<string, number>()
  const stack: string[] = []
  const visit = (file: string): number => {
    const own = order.size
    let lowest = own
    order.set(file, own)
    stack.push(file)
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) lowest = Math.min(lowest, visit(next))
      else if (stack.includes(next)) lowest = Math.min(lowest, order.get(next) ?? own)
    }
    if (lowest === own) {
      const group = stack.splice(stack.indexOf(file))
      if (group.length > 1) circles.push(group.sort())
    }
    return lowest
  }
  for (const file of graph.keys()) if (!order.has(file)) visit(file)
  return circles
}

export default async function (t: Test): Promise<void> {
  t.test('no file imports itself by way of others, types included', async (t) => {
    const files = FOLDERS.flatMap(filesIn)
    const graph: Graph = new Map(files.map((file) => [file, importsOf(file)]))
    t.ok([...graph.values()].flat().filter((file) => graph.has(file)).length > files.length, 'the imports are seen')
    t.same(circlesIn(graph), [])
  })

  t.test('a circle would be found', async (t) => {
    const graph: Graph = new Map([['a', ['b']], ['b', ['c', 'd']], ['c', ['a']], ['d', ['e']], ['e', []]])
    t.same(circlesIn(graph), [['a', 'b', 'c']])
  })
}
