/** What publishing to the catalogue answers. */
export interface Published {
  readonly id: string
  /** The version that has this text. */
  readonly version: number
  /** undefined: the text was published already. */
  readonly position: bigint | undefined
}
