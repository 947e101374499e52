/**
 * Where a message may go: https on port 443 of a public name. The address must be written as it is meant: what a URL
 * parser would have to translate (other notations of numbers, percent signs, letters of other scripts, stray characters)
 * is refused, so that this check and the request cannot read it differently. Where a name leads is known to its resolver
 * alone: docs/channels.md says what that leaves open.
 */

/** Names that stand for this machine, its network or its cloud, by their last labels. */
const SPECIAL_SUFFIXES = [
  // Special-use domain names of IANA, with those that private networks use.
  ...['localhost', 'local', 'internal', 'test', 'example', 'invalid', 'onion', 'arpa', 'alt', 'localdomain'],
  ...['intranet', 'lan', 'home', 'corp', 'private', 'mail', 'workgroup', 'dhcp'],
  ...['svc', 'cluster', 'pod', 'default', 'consul', 'docker', 'containers', 'kubernetes', 'k8s', 'vpn'],
  ...['example.com', 'example.net', 'example.org', 'ts.net'],
  // Public names that lead to private addresses by design.
  ...['nip.io', 'sslip.io', 'xip.io', 'traefik.me', 'localtest.me', 'lvh.me', 'vcap.me', 'lacolhost.com'],
  ...[
    'localho.st',
    'yoogle.com',
    'fbi.com',
    'readme.localtest.me',
    '1u.ms',
    'rbndr.us',
    'lock.cmpxchg8b.com',
  ],
];

const LOOPBACK = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?(\/[\x21-\x5b\x5d-\x7e]*)?$/;
const PUBLIC = /^https:\/\/([A-Za-z0-9.-]{1,253})(:443)?((?:[/?][\x21\x22\x24-\x5b\x5d-\x7e]*)?)$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const TOP_LEVEL = /^([a-z]{2,63}|xn--[a-z0-9-]{1,59})$/;

export interface TargetPolicy {
  /** The operator's flag, for self-hosting and tests: http and https to this machine's own loopback as well. */
  readonly allowLoopback: boolean;
}

/** Why a message must not go there, as a sentence for the operator; null where it may. */
export function targetProblem(text: string, { allowLoopback }: TargetPolicy): string | null {
  if (allowLoopback && LOOPBACK.test(text) && URL.canParse(text)) return null;
  const match = PUBLIC.exec(text);
  const parsed = URL.parse(text);
  if (match === null || parsed === null) {
    return 'expected https://name/path with a public host name, without port, user, fragment, spaces or letters beyond ASCII (write an international name as xn--...)';
  }
  const name = match[1]!.toLowerCase();
  // As written and as a request would read it.
  if (parsed.hostname !== name || parsed.port !== '' || parsed.username !== '' || parsed.password !== '') {
    return 'the host is not written in its plain form; expected a public host name such as hooks.slack.com';
  }
  return nameProblem(name);
}

function nameProblem(name: string): string | null {
  const labels = name.split('.');
  if (!labels.every((label) => LABEL.test(label))) {
    return 'the host name is malformed: labels of letters, digits and "-", without a dot at the end';
  }
  if (labels.length < 2) return 'a name of one label is of a private network; expected a public host name';
  if (!TOP_LEVEL.test(labels.at(-1)!))
    return 'an IP address in any notation is refused; expected a public host name';
  const special = SPECIAL_SUFFIXES.find((suffix) => name === suffix || name.endsWith(`.${suffix}`));
  return special === undefined
    ? null
    : `names under "${special}" are not public; expected a public host name`;
}
