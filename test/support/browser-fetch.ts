/** `fetch` with the cookies of one browser. */
export function browserFetch (): typeof fetch {
  const jar = new Map<string, string>()
  return async (url, init = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const got = await fetch(url, { ...init, headers: { ...init.headers as Record<string, string>, cookie } })
    for (const line of got.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      if (/max-age=0(;|$)/i.test(line)) jar.delete(name)
      else jar.set(name, pair.slice(name.length + 1))
    }
    return got
  }
}
