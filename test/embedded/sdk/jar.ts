export interface Jar {
  fetch: typeof fetch
  has: (name: string) => boolean
}

/** A fetch with the cookies of one site, as in a browser; redirects are not followed. */
export function createJar (): Jar {
  const cookies = new Map<string, string>()

  function store (line: string): void {
    const [pair = ''] = line.split(';')
    const name = pair.slice(0, pair.indexOf('='))
    if (/;\s*max-age=0(;|$)/i.test(line)) cookies.delete(name)
    else cookies.set(name, pair.slice(name.length + 1))
  }

  return {
    has: (name) => cookies.has(name),
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers)
      if (cookies.size > 0) headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
      const answer = await fetch(input, { ...init, headers, redirect: 'manual' })
      answer.headers.getSetCookie().forEach(store)
      return answer
    },
  }
}
