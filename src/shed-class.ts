/** What is given up first when there is more work than time (M05); `never`: not at all. */
export type ShedClass = 'start' | 'list' | 'read' | 'submit' | 'never'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** When this route is refused under load; by default what its place says. */
    shed?: ShedClass | ((request: FastifyRequest) => ShedClass)
  }
}
