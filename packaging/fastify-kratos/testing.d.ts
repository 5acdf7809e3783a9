export * from 'embedded-kratos'
