import ts from 'typescript'

/** Declaration files are parsed once in a process: programs share most of theirs. */
const parsed = new Map<string, ts.SourceFile | undefined>()

/** What is parsed alike: whether a module is CommonJS is a matter of the options, not of the file alone. */
const keyOf = (file: string, how: ts.ScriptTarget | ts.CreateSourceFileOptions): string =>
  JSON.stringify([file, ...typeof how === 'object' ? [how.languageVersion, how.impliedNodeFormat] : [how]])

export function createProgram (files: readonly string[], options: ts.CompilerOptions): ts.Program {
  const host = ts.createCompilerHost(options)
  const parse = host.getSourceFile.bind(host)
  host.getSourceFile = (file, how, ...rest) => {
    if (!/\.d\.[cm]?ts$/.test(file)) return parse(file, how, ...rest)
    const key = keyOf(file, how)
    if (!parsed.has(key)) parsed.set(key, parse(file, how, ...rest))
    return parsed.get(key)
  }
  return ts.createProgram(files, options, host)
}
