/** A person's way to a guest's screen: headless Chromium at the console URL sees it, types, and the guest answers. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { eventually } from '../eventually.ts'
import { type CloudProcess, openstack, startCloudProcess, temporaryStateDir } from './cloud-process.ts'

const GUEST_BOOTS_MS = 120_000
const stateDir = temporaryStateDir()
let cloud: CloudProcess
let browser: Browser

const os = (...args: string[]): Promise<string> => openstack(stateDir, ...args)

before(async () => {
  cloud = await startCloudProcess(stateDir)
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-sync',
    ],
  })
  await os(
    'server',
    'create',
    '--image',
    'tiny',
    '--flavor',
    'm1.nano',
    '--network',
    'private',
    '--wait',
    'screen',
  )
  await eventually(async () => (await os('console', 'log', 'show', 'screen')).includes('login:'), {
    withinMs: GUEST_BOOTS_MS,
    everyMs: 1_000,
    what: 'the login prompt',
  })
})

after(async () => {
  await browser.close()
  await os('server', 'delete', '--wait', 'screen')
  await cloud.stop()
  rmSync(stateDir, { recursive: true })
})

/** How many pixels of the canvas are not the background, by reading them in the page. */
const litPixels = (page: Page): Promise<number> => page.evaluate<number>(COUNT_LIT_PIXELS)

const COUNT_LIT_PIXELS = `(() => {
  const canvas = document.querySelector('canvas')
  if (!canvas) return 0
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let lit = 0
  for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] > 150) lit += 1
  return lit
})()`

test('the console URL shows the guest, takes keys, and works once', async () => {
  const url = (await os('console', 'url', 'show', '--novnc', 'screen', '-f', 'value', '-c', 'url')).trim()
  const page = await browser.newPage()
  await page.goto(url)
  const shown = await eventually(async () => ((await litPixels(page)) > 500 ? litPixels(page) : undefined), {
    withinMs: 30_000,
    everyMs: 200,
    what: 'the screen',
  })

  await page.locator('canvas').click()
  await page.keyboard.type('root\n', { delay: 60 })
  await eventually(async () => (await litPixels(page)) > shown + 100, {
    withinMs: 30_000,
    everyMs: 200,
    what: 'the password prompt',
  })

  const again = await browser.newPage()
  await again.goto(url)
  await again.getByText(/used/i).waitFor({ timeout: 10_000 })
  await page.close()
  await again.close()
})

test('an invented token shows that it leads nowhere, not a screen', async () => {
  const url = new URL(
    (await os('console', 'url', 'show', '--novnc', 'screen', '-f', 'value', '-c', 'url')).trim(),
  )
  const page = await browser.newPage()
  await page.goto(url.href.replace(/token%3D[0-9a-f-]+/i, 'token%3D00000000-0000-4000-8000-000000000000'))
  await page.getByText(/expired|unknown|not valid/i).waitFor({ timeout: 10_000 })
  assert.equal((await page.locator('canvas').count()) === 0 || (await litPixels(page)) === 0, true)
  await page.close()
})
