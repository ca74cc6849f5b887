/**
 * Passwords that attackers try first, in lower case. Most of the known lists is shorter than our least length; these are
 * the long ones, and words that people lengthen with digits or by saying them twice.
 * @module
 */

/** Compared after folding to lower case, and without digits and signs at both ends. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set([
  ...['123456789012345', '1234567890123456', '12345678901234567890', '123456123456123456', '0123456789abcdef'],
  ...['1q2w3e4r5t6y7u8i', '1qaz2wsx3edc4rfv', '1qaz2wsx3edc4rfv5tgb', 'qazwsxedcrfvtgb', 'qwertyuiopasdfgh'],
  ...[
    'qwertyuiopasdfghjkl',
    'qwertyuiopasdfghjklzxcvbnm',
    'abcdefghijklmno',
    'abcdefghijklmnop',
    'asdfghjklqwertyuiop',
  ],
  ...['abcdefghijklmnopqrstuvwxyz', 'zyxwvutsrqponmlkjihgfedcba', 'qwerty', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm'],
  ...[
    'password',
    'passwordpassword',
    'mypassword',
    'thisismypassword',
    'passwort',
    'kennwort',
    'motdepasse',
    'contraseña',
  ],
  ...['admin', 'administrator', 'administrateur', 'superadministrator', 'rootroot', 'root', 'superuser', 'sysadmin'],
  ...[
    'welcome',
    'willkommen',
    'bienvenue',
    'letmein',
    'changeme',
    'changemenow',
    'changethispassword',
    'pleasechangeme',
  ],
  ...['iloveyou', 'trustno', 'sunshine', 'princess', 'football', 'baseball', 'dragon', 'monkey', 'master', 'superman'],
  ...[
    'correcthorsebatterystaple',
    'correct horse battery staple',
    'correct-horse-battery-staple',
    'secret',
    'topsecret',
  ],
  ...['postern', 'posternsentry', 'posterncore', 'sentry', 'activesync', 'mobiledevicemanagement', 'exchangeserver'],
  ...['default', 'defaultpassword', 'temporary', 'temporarypassword', 'testtesttesttest', 'test', 'demo', 'guest'],
  ...['summer', 'winter', 'spring', 'autumn', 'sommer', 'company', 'companyname', 'computer', 'internet', 'security'],
])
