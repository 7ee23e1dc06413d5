from pathlib import PurePath

import pytest

from anomaly.evaluate.layouts.file_names import ParsedName, parse_name


def named(path: str) -> ParsedName:
    return parse_name(PurePath(path))


@pytest.mark.parametrize(
    ("path", "label", "split", "fault", "section"),
    [
        ("train/normal_id_00_00000000.wav", "normal", "train", None, "00"),
        ("test/anomaly_id_02_00000003.wav", "anomaly", "test", None, "02"),
        ("train/section_01_source_train_normal_0003_strength_1_ambient.wav", "normal", "train", None, "01"),
        ("source_test/section_02_source_test_anomaly_0099.wav", "anomaly", "test", None, "02"),
        ("test/section_00_0001.wav", None, "test", None, "00"),
        ("id_04/normal/00000000.wav", "normal", None, None, "04"),
        ("fan/id_06/abnormal/00000000.wav", "anomaly", None, None, "06"),
        ("abnormal/Outer Race/7.wav", "anomaly", None, "outer_race", None),
        ("abnormal/normal_speed_3.wav", "anomaly", None, None, None),
        ("abnormal/anomaly_rub_3.wav", "anomaly", None, "rub", None),
        ("anomaly_bearing_M4_1700.wav", "anomaly", None, "bearing", None),
        ("anomaly_outer_race_0.3_0012.wav", "anomaly", None, "outer_race", None),
        ("anomaly_unknown_00000403.flac", "anomaly", None, None, None),
        ("anomaly_1200_GoB_BS_BaLo_WA_00lb.flac", "anomaly", None, None, None),
        ("ANOMALY_leak.WAV", "anomaly", None, "leak", None),
        ("normal.wav", "normal", None, None, None),
        ("abnormal-hum.wav", "anomaly", None, "hum", None),
        ("normality.wav", None, None, None, None),
        ("aircon_1_0.flac", None, None, None, None),
        ("train/section_00_source_train_normal_00001_B1s1.wav", "normal", "train", None, "00"),
        ("case1/NormalSound_IND/1100010001_ToyCar_case1_normal_IND_ch1_0001.wav", "normal", None, None, "1"),
        (
            "case2/AnomalousSound_IND/1101010001_ToyCar_case2_ab01_IND_ch1_0001.wav",
            "anomaly",
            None,
            "ab01",
            "2",
        ),
        ("case2/AnomalousSound_IND/sub/odd.wav", "anomaly", None, "sub", "2"),
        ("EnvironmentalNoise_CNT/1999_ToyCar_caseall_noise_CNT_ch1_0001.wav", None, None, None, None),
        ("toyad2_car_A1_normal/CN001-carA1-speed1_mic1_00001.wav", "normal", None, None, "A1"),
        ("toyad2_car_A_anomaly/CA001-carA1-speed1-a-damageL_mic1_00001.wav", "anomaly", None, "a", "A1"),
        ("TN010-trainB2-speed3_mic8_00065.wav", "normal", None, None, "B2"),
        ("env_noise/N1_mic3_01595.wav", None, None, None, None),
    ],
)
def test_reads_label_split_fault_and_section(
    path: str, label: str | None, split: str | None, fault: str | None, section: str | None
) -> None:
    name = named(path)
    assert (name.label, name.split, name.fault, name.section) == (label, split, fault, section)


@pytest.mark.parametrize(
    ("path", "domain"),
    [
        ("train/section_00_target_train_normal_0001_x.wav", "target"),
        ("source_test/section_00_source_test_normal_0001.wav", "source"),
        ("target_test/normal_7.wav", "target"),
        ("train/normal_7.wav", None),
    ],
)
def test_reads_the_domain(path: str, domain: str | None) -> None:
    assert named(path).domain == domain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("aircon_1_0.flac", "aircon_1_12.flac"),
        ("aircon_1.flac", "aircon_1_0.flac"),
        ("normal_pump_part3.wav", "normal_pump_part17.wav"),
        ("train/normal_M1_1400.wav", "test/normal_M1_1400.wav"),
        (
            "case1/NormalSound_IND/1100010001_ToyCar_case1_normal_IND_ch1_0001.wav",
            "case1/NormalSound_IND/1200010001_ToyCar_case1_normal_IND_ch2_0001.wav",
        ),
        ("CN001-carA1-speed1_mic1_00001.wav", "CN001-carA1-speed1_mic5_00001.wav"),
    ],
)
def test_pieces_of_one_recording_belong_together(one: str, other: str) -> None:
    assert named(one).recording == named(other).recording


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("aircon_1_0.flac", "aircon_2_0.flac"),
        ("normal_id_00_00000000.wav", "normal_id_00_00000001.wav"),
        ("id_00/normal/00000000.wav", "id_02/normal/00000000.wav"),
        ("normal/00000000.wav", "abnormal/00000000.wav"),
        ("normal_0001.wav", "normal_0002.wav"),
        ("anomaly_bearing_M4_1700.wav", "anomaly_propeller_M4_1700.wav"),
        (
            "train/section_00_source_train_normal_0000_spd_1_2.wav",
            "train/section_00_source_train_normal_0001_spd_1_2.wav",
        ),
        ("CN001-carA1-speed1_mic1_00001.wav", "CN001-carA1-speed1_mic1_00002.wav"),
    ],
)
def test_other_recordings_stay_apart(one: str, other: str) -> None:
    assert named(one).recording != named(other).recording


def test_machine_is_what_stands_above_the_split() -> None:
    assert named("fan/train/normal_1.wav").machine == "fan"
    assert named("6_dB_fan/fan/id_00/normal/1.wav").machine == "6_dB_fan/fan"
    assert named("id_00/normal/1.wav").machine == ""
    assert named("monday/normal_1.wav").machine == ""
