/**
 * Keys of what plugins, routes and hooks of ours share on app, request and reply. Symbols, so that a host app may have
 * any name for its own decorators; `public-names.ts` has the names for everybody. What each of them is stands beside
 * its `decorate`.
 */
export const kratosCredential: unique symbol = Symbol('fastify-kratos: kratosCredential')
export const kratosScope: unique symbol = Symbol('fastify-kratos: kratosScope')
export const kratosCaller: unique symbol = Symbol('fastify-kratos: kratosCaller')
export const ownUrl: unique symbol = Symbol('fastify-kratos: ownUrl')
export const forwardCookies: unique symbol = Symbol('fastify-kratos: forwardCookies')
export const mintSessionCookie: unique symbol = Symbol('fastify-kratos: mintSessionCookie')
export const renewSessionCookie: unique symbol = Symbol('fastify-kratos: renewSessionCookie')
export const expireSessionCookie: unique symbol = Symbol('fastify-kratos: expireSessionCookie')
export const endCookieConflict: unique symbol = Symbol('fastify-kratos: endCookieConflict')
export const guardOrigin: unique symbol = Symbol('fastify-kratos: guardOrigin')
export const guardBrowserOrigin: unique symbol = Symbol('fastify-kratos: guardBrowserOrigin')
export const guardVisit: unique symbol = Symbol('fastify-kratos: guardVisit')
export const loginThrottle: unique symbol = Symbol('fastify-kratos: loginThrottle')
export const receiveIdentities: unique symbol = Symbol('fastify-kratos: receiveIdentities')
export const receivePurges: unique symbol = Symbol('fastify-kratos: receivePurges')
export const accountData: unique symbol = Symbol('fastify-kratos: accountData')
export const ownKratos: unique symbol = Symbol('fastify-kratos: ownKratos')
export const flowsPath: unique symbol = Symbol('fastify-kratos: flowsPath')
export const ownSessions: unique symbol = Symbol('fastify-kratos: ownSessions')
