export type Child = Node | string | undefined | false

type Attribute = string | boolean | undefined | ((event: Event) => void)

/** An element; a function is a listener, `true` an empty attribute, and a text is always text. */
export function h<Name extends keyof HTMLElementTagNameMap> (
  name: Name,
  attributes: Record<string, Attribute> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key, value)
    else if (value === true) element.setAttribute(key, '')
    else if (typeof value === 'string') element.setAttribute(key, value)
  }
  element.append(...children.filter((child) => child !== undefined && child !== false))
  return element
}

/** A heading that takes the focus when its view appears. */
export const heading = (text: string): HTMLElement => h('h1', { tabindex: '-1' }, text)

export const card = (...children: Child[]): HTMLElement => h('section', { class: 'card' }, ...children)

/** A link inside the app; `router.ts` follows it without loading the page anew. */
export const link = (href: string, text: string, className?: string): HTMLElement =>
  h('a', { href, class: className }, text)

/** A button that cannot be pressed twice at once. It stays focusable while it works. */
export function button (text: string, press: () => unknown, className = 'quiet', label?: string): HTMLButtonElement {
  const element = h('button', {
    type: 'button',
    class: className,
    'aria-label': label,
    click: async () => {
      if (element.ariaBusy === 'true') return
      element.ariaBusy = 'true'
      try {
        await press()
      } finally {
        element.ariaBusy = 'false'
      }
    },
  }, text)
  return element
}

/** The focus goes to a part of the page that is no control, such as a heading after its list has changed. */
export function focusOn (element: HTMLElement | null | undefined): void {
  if (element === null || element === undefined) return
  if (element.tabIndex < 0) element.tabIndex = -1
  element.focus()
}
