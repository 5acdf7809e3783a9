export interface Page {
  status: number
  location: string
  body: Record<string, any>
}

/** A browser with cookies; it does not follow redirects. */
export interface Browser {
  go: (url: string, accept?: string) => Promise<Page>
  submit: (page: Page, fields: object) => Promise<Page>
}

export function browser (): Browser {
  const cookies = new Map<string, string>()
  const visit = async (url: string, init: RequestInit & { headers: Record<string, string> }): Promise<Page> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/max-age=0/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    const text = await answer.text()
    return {
      status: answer.status,
      location: answer.headers.get('location') ?? '',
      body: text.startsWith('{') ? JSON.parse(text) : { text },
    }
  }
  return {
    go: async (url, accept = 'application/json') => await visit(url, { headers: { accept } }),
    submit: async ({ body }, fields) =>
      await visit(body['ui'].action, {
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        body: JSON.stringify({ csrf_token: node({ body }, 'csrf_token')?.attributes.value, ...fields }),
      }),
  }
}

/** A form node by its name and, where several nodes have that name, by its value. */
export const node = ({ body }: Pick<Page, 'body'>, name: string, value?: string): Record<string, any> | undefined =>
  body['ui'].nodes.find(
    ({ attributes }: any) => attributes.name === name && (value === undefined || attributes.value === value),
  )

/** Ids of the form's own messages. */
export const messages = ({ body }: Page): number[] => body['ui'].messages.map(({ id }: { id: number }) => id)
