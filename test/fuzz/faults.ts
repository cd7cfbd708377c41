export async function faultCampaign(): Promise<number> {
  return 0;
}
