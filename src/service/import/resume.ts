import { readFile, rename, rm, writeFile } from 'node:fs/promises'

/** Only for who runs the import. */
const MODE = 0o600

export interface Progress {
  /** Lines that are done. */
  lines: number
  /** How many of them were refused. */
  refused: number
}

/** How far an import got: two numbers, and nothing of what was imported. */
export interface ResumeFile {
  /** Zeros without a file. @throws Error for a file that says something else */
  read: () => Promise<Progress>
  /** Replaced as a whole, so that a crash leaves the old or the new one. */
  write: (progress: Progress) => Promise<void>
  remove: () => Promise<void>
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

export function createResumeFile (path: string): ResumeFile {
  return {
    read: async () => {
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if (isMissing(error)) return '0 0\n'
        throw error
      })
      const [, lines, refused] = /^(\d{1,15}) (\d{1,15})\n?$/.exec(text) ?? []
      if (lines === undefined) throw new Error(`${path} is no resume file: it should hold two numbers`)
      return { lines: Number(lines), refused: Number(refused) }
    },
    write: async ({ lines, refused }) => {
      const next = `${path}.new`
      await writeFile(next, `${lines} ${refused}\n`, { mode: MODE })
      await rename(next, path)
    },
    remove: () => rm(path, { force: true }),
  }
}
