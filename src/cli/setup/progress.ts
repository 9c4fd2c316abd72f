/** Progress of something long: one changing line on a terminal, a line every tenth elsewhere. */

export interface Progress {
  /** `percent` from 0 to 100; `detail` is what is being worked on. */
  show(stage: string, percent: number, detail: string): void
  done(): void
}

export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export function createProgress(screen: Screen): Progress {
  let shown = ''
  return {
    show(stage, percent, detail) {
      const tenth = `${stage} ${Math.floor(percent / 10) * 10} %`
      if (screen.isTTY) {
        const line = `  ${stage} ${Math.round(percent)} % ${detail}`.slice(0, (screen.columns ?? 80) - 1)
        screen.write(`\r\u001B[K${line}`)
        shown = line
      } else if (tenth !== shown) {
        screen.write(`  ${tenth}\n`)
        shown = tenth
      }
    },
    done() {
      if (screen.isTTY && shown !== '') screen.write('\r\u001B[K')
      shown = ''
    },
  }
}
