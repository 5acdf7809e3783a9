'use strict'

function loadEmbeddedKratos () {
  try {
    return require('embedded-kratos')
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND' || !error.message.includes("'embedded-kratos'")) throw error
    const hint = 'fastify-kratos/testing needs the package embedded-kratos: npm install --save-dev embedded-kratos'
    throw new Error(hint, { cause: error })
  }
}

exports.startEmbeddedKratos = loadEmbeddedKratos().startEmbeddedKratos
