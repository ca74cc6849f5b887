/**
 * The page on which people sign in, and the page for a sign-in that cannot begin.
 * @module
 */

/** What the page shows. */
export interface SignInPage {
  /** Where the form goes. */
  action: string
  /** Filled in already; may be empty. */
  user: string
  /** Must come back with the form. */
  canary: string
  /** Why the last try failed; null on the first. */
  problem: string | null
}

/** A form with a name and a password. */
export function signInPage({ action, user, canary, problem }: SignInPage): string {
  const said = problem === null ? '' : `<p role="alert" id="passwordError">${escaped(problem)}</p>`
  return page(
    'Sign in to your account',
    `${said}
<form method="post" action="${escaped(action)}" autocomplete="off">
<input type="hidden" name="canary" value="${escaped(canary)}">
<label>Email <input type="email" name="login" value="${escaped(user)}" required></label>
<label>Password <input type="password" name="passwd" value="" required></label>
<button type="submit">Sign in</button>
</form>`,
  )
}

/** A page that leads nowhere. */
export function errorPage(message: string): string {
  return page('Sorry, but we are having trouble signing you in.', `<p id="error">${escaped(message)}</p>`)
}

function page(title: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1>
${content}
</body></html>
`
}

function escaped(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
