import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseLink, type EasCandidate, type LinkFacts } from './link.ts'

const facts = (given: Partial<LinkFacts>): LinkFacts => ({
  current: null,
  decided: false,
  user: 'ann@example.com',
  certificateDevice: null,
  candidates: [],
  ...given,
})
const candidate = (deviceId: string, more: Partial<EasCandidate> = {}): EasCandidate => ({
  deviceId,
  owners: ['ann@example.com', 'ann.smith@example.com'],
  inUse: true,
  ...more,
})

describe('an association is not linked', () => {
  const rows: { title: string; given: Partial<LinkFacts> }[] = [
    { title: 'to nothing known', given: {} },
    {
      title: 'by the id when its user is not the owner',
      given: { user: 'bob@example.com', candidates: [candidate('a')] },
    },
    { title: 'by the id when nobody was named', given: { user: '', candidates: [candidate('a', { owners: [''] })] } },
    { title: 'by an id of two devices of the owner', given: { candidates: [candidate('a'), candidate('b')] } },
    {
      title: 'any more when the id was taken from the device',
      given: { current: { deviceId: 'a', by: 'easDeviceId' } },
    },
  ]
  for (const { title, given } of rows) test(title, () => assert.equal(chooseLink(facts(given)), null))
})

describe('an association is linked', () => {
  const rows: { title: string; given: Partial<LinkFacts>; link: [string, string] }[] = [
    {
      title: 'as it was decided about by hand, whatever certificate comes',
      given: { decided: true, current: { deviceId: 'a', by: 'easDeviceId' }, certificateDevice: 'b' },
      link: ['a', 'easDeviceId'],
    },
    {
      title: 'by the certificate when the decision was made before any link',
      given: { decided: true, certificateDevice: 'b' },
      link: ['b', 'certificate'],
    },
    { title: 'by the certificate', given: { certificateDevice: 'a' }, link: ['a', 'certificate'] },
    {
      title: 'by the certificate rather than by the id',
      given: { certificateDevice: 'a', candidates: [candidate('b')] },
      link: ['a', 'certificate'],
    },
    {
      title: 'by the certificate whoever the user is',
      given: { user: 'bob@example.com', certificateDevice: 'a' },
      link: ['a', 'certificate'],
    },
    { title: 'by the id', given: { candidates: [candidate('a')] }, link: ['a', 'easDeviceId'] },
    {
      title: 'by the id when the user signs in with the address',
      given: { user: 'ann.smith@example.com', candidates: [candidate('a')] },
      link: ['a', 'easDeviceId'],
    },
    {
      title: 'to the device in use before a retired one with the same id',
      given: { candidates: [candidate('old', { inUse: false }), candidate('new')] },
      link: ['new', 'easDeviceId'],
    },
    {
      title: 'to a retired device when there is no other: it stays blocked',
      given: { candidates: [candidate('old', { inUse: false })] },
      link: ['old', 'easDeviceId'],
    },
    {
      title: 'as by hand, whatever is reported',
      given: { current: { deviceId: 'x', by: 'hand' }, certificateDevice: 'a', candidates: [candidate('b')] },
      link: ['x', 'hand'],
    },
    {
      title: 'as by its certificate when a request shows none',
      given: { current: { deviceId: 'a', by: 'certificate' }, candidates: [candidate('b')] },
      link: ['a', 'certificate'],
    },
    {
      title: 'anew when the certificate is of another device',
      given: { current: { deviceId: 'a', by: 'certificate' }, certificateDevice: 'b' },
      link: ['b', 'certificate'],
    },
  ]
  for (const { title, given, link } of rows) {
    test(title, () => assert.deepEqual(chooseLink(facts(given)), { deviceId: link[0], by: link[1] }))
  }
})
