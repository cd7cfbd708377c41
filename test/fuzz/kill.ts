export async function killCampaign(_points: number, _seed: number): Promise<number> {
  return 0;
}
