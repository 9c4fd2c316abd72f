/** The console page: opens the socket its link names, shows the guest's screen, and says plainly how it ended. */
import RFB from '../core/rfb.js'

const NEW_LINK = 'Ask for a new link: openstack console url show --novnc SERVER'
const ENDINGS = {
  4404: `This console link is unknown. ${NEW_LINK}`,
  4409: `This console link was used before; each works once. ${NEW_LINK}`,
  4410: `This console link has expired. ${NEW_LINK}`,
  4423: 'The server is not running: it has no screen now.',
  1000: 'The session ended: the server was stopped, or another viewer took over.',
  1001: 'The cloud is stopping.',
  1008: 'This page may not open this console.',
  1011: 'The screen of the server cannot be reached.',
}

const element = (id) => document.getElementById(id)
const query = new URLSearchParams(location.search)

function say(text, wrong = false) {
  element('state').textContent = text
  element('state').classList.toggle('wrong', wrong)
}

/** The socket's address: `path` of the link, under the page's own folder and on its own origin only. */
function socketUrl() {
  const token = query.get('token')
  const path = query.get('path') ?? (token === null ? '' : `?token=${encodeURIComponent(token)}`)
  const url = new URL(path, new URL('.', location.href))
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.host === location.host && url.searchParams.has('token') ? url : undefined
}

function ended({ code }) {
  for (const id of ['keys', 'full']) element(id).hidden = true
  element('screen').replaceChildren()
  say(ENDINGS[code] ?? 'The connection was lost. Load the page of a new link to go on.', code !== 1000)
}

function open(url) {
  // The second asks the proxy to say why it closes; others are only cut off, as by Nova's.
  const socket = new WebSocket(url, ['binary', 'verdict'])
  socket.binaryType = 'arraybuffer'
  socket.addEventListener('close', ended)
  const rfb = new RFB(element('screen'), socket, {})
  rfb.scaleViewport = query.get('scale') !== 'false'
  rfb.viewOnly = query.get('view_only') === 'true'
  rfb.background = '#16181d'
  rfb.addEventListener('connect', () => {
    say('Connected')
    for (const id of ['keys', 'full']) element(id).hidden = false
    rfb.focus()
  })
  rfb.addEventListener('desktopname', ({ detail }) => {
    element('name').textContent = detail.name
    document.title = detail.name
  })
  element('keys').addEventListener('click', () => {
    rfb.sendCtrlAltDel()
    rfb.focus()
  })
  element('full').addEventListener('click', () => void element('screen').requestFullscreen())
}

const url = socketUrl()
if (url) open(url)
else say(`This link names no console. ${NEW_LINK}`, true)
