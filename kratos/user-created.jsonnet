// The body of /internal/auth/user-created and /internal/auth/user-updated.
// Only what the receiver stores: ctx also holds the request's cookies and the flow, which are nobody else's business.
function(ctx) {
  identity: {
    id: ctx.identity.id,
    traits: ctx.identity.traits,
    created_at: ctx.identity.created_at,
    updated_at: ctx.identity.updated_at,
  },
}
