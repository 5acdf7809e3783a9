type Text = (context: Record<string, unknown>) => string

/** What a form complains about, by the code of docs/messages.md: in English and in German. */
export const MESSAGES: Record<string, [english: Text, german: Text]> = {
  required: [() => 'Please fill in this field.', () => 'Bitte ausfüllen.'],
  invalid: [() => 'Please check this field.', () => 'Bitte prüfen Sie dieses Feld.'],
  invalid_email: [() => 'Please enter an e-mail address.', () => 'Bitte eine E-Mail-Adresse eingeben.'],
  pattern: [() => 'Please check the format.', () => 'Bitte prüfen Sie das Format.'],
  too_short: [
    ({ min_length: min }) => `Please enter at least ${String(min)} characters.`,
    ({ min_length: min }) => `Bitte mindestens ${String(min)} Zeichen eingeben.`,
  ],
  too_long: [
    ({ max_length: max }) => `Please enter at most ${String(max)} characters.`,
    ({ max_length: max }) => `Bitte höchstens ${String(max)} Zeichen eingeben.`,
  ],
  invalid_credentials: [
    () => 'The e-mail or the password is not right.',
    () => 'E-Mail oder Passwort stimmt nicht.',
  ],
  identifier_taken: [
    () => 'There is an account with this e-mail already. Log in instead?',
    () => 'Mit dieser E-Mail gibt es schon ein Konto. Möchten Sie sich anmelden?',
  ],
  account_not_found: [() => 'There is no account for this.', () => 'Dazu gibt es kein Konto.'],
  address_not_verified: [
    () => 'Please confirm your e-mail address first.',
    () => 'Bitte bestätigen Sie zuerst Ihre E-Mail-Adresse.',
  ],
  password_too_short: [
    ({ min_length: min }) => `The password needs at least ${String(min)} characters.`,
    ({ min_length: min }) => `Das Passwort braucht mindestens ${String(min)} Zeichen.`,
  ],
  password_too_long: [
    ({ max_length: max }) => `The password may have at most ${String(max)} characters.`,
    ({ max_length: max }) => `Das Passwort darf höchstens ${String(max)} Zeichen haben.`,
  ],
  password_too_similar: [
    () => 'The password is too much like your e-mail. Please choose another one.',
    () => 'Das Passwort ähnelt Ihrer E-Mail zu sehr. Bitte wählen Sie ein anderes.',
  ],
  password_breached: [
    () => 'This password is known from data leaks. Please choose another one.',
    () => 'Dieses Passwort ist aus Datenlecks bekannt. Bitte wählen Sie ein anderes.',
  ],
  password_unchanged: [
    () => 'This is the password you have now.',
    () => 'Das ist Ihr jetziges Passwort.',
  ],
  code_expired: [
    () => 'This code does not count any more. Please ask for a new one.',
    () => 'Dieser Code gilt nicht mehr. Bitte fordern Sie einen neuen an.',
  ],
  too_many_tries: [
    () => 'That was tried too often. Please ask for a new code.',
    () => 'Das war zu oft. Bitte fordern Sie einen neuen Code an.',
  ],
  provider_refused: [
    () => 'You were not logged in there. Please try again, or choose another way.',
    () => 'Die Anmeldung dort kam nicht zustande. Versuchen Sie es noch einmal oder anders.',
  ],
  method_not_offered: [
    () => 'This is not possible here. Please choose another way.',
    () => 'Das geht hier nicht. Bitte wählen Sie einen anderen Weg.',
  ],
  flow_expired: [
    () => 'That took too long. Please start again.',
    () => 'Das hat zu lange gedauert. Bitte fangen Sie neu an.',
  ],
  no_security_key: [
    () => 'No account here knows this passkey.',
    () => 'Kein Konto hier kennt diesen Passkey.',
  ],
  no_totp: [() => 'No authenticator app is set up.', () => 'Es ist keine Authenticator-App eingerichtet.'],
  no_lookup_codes: [() => 'There are no backup codes.', () => 'Es gibt keine Ersatzcodes.'],
  wrong_link: [
    () => 'This link is not right, or was used already.',
    () => 'Dieser Link stimmt nicht oder wurde schon benutzt.',
  ],
  wrong_code: [
    () => 'This code is not right, or was used already.',
    () => 'Dieser Code stimmt nicht oder wurde schon benutzt.',
  ],
  wrong_totp_code: [
    () => 'This code is not right. Codes change every 30 seconds.',
    () => 'Dieser Code stimmt nicht. Codes wechseln alle 30 Sekunden.',
  ],
  wrong_lookup_code: [() => 'This backup code is not right.', () => 'Dieser Ersatzcode stimmt nicht.'],
  lookup_code_used: [() => 'This backup code was used already.', () => 'Dieser Ersatzcode wurde schon benutzt.'],
}
